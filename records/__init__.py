"""The FHIR store: import, versions, encryption, timeline and export."""
