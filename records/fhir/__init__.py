"""
FHIR R4 as plain values: reading files, judging resources, following references, presenting to people.

Nothing in here knows a model, a setting or a request, so all of it can be tried on a folder of files.
"""
