"""FHIR that tests import: small, written out, and with the things that real files have."""

import io
import json

from records.fhir.reading import read

PATIENT = {
    "resourceType": "Patient",
    "id": "amina",
    "identifier": [{"system": "urn:example:mrn", "value": "MRN-17", "type": {"text": "Hospital number"}}],
    "name": [{"use": "official", "family": "Diallo", "given": ["Amina"]}],
    "gender": "female",
    "birthDate": "1980-03-04",
}


def observation(fhir_id="hb", value="1.50", *, patient="amina", day="2026-03-02", **more):
    """Return an observation as JSON text, its number written exactly as given."""
    content = {
        "resourceType": "Observation",
        "id": fhir_id,
        "status": "final",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin"}],
            "text": "Haemoglobin",
        },
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": day,
        "valueQuantity": {"value": "WRITTEN", "unit": "g/dL"},
        **more,
    }
    return json.dumps(content).replace('"WRITTEN"', value)


def bundle(*resources, kind="collection"):
    """Return a Bundle's text around resources, which are texts or dictionaries."""
    entries = ",".join(
        '{"resource": %s}' % (one if isinstance(one, str) else json.dumps(one)) for one in resources
    )
    return f'{{"resourceType": "Bundle", "type": "{kind}", "entry": [{entries}]}}'


def found_in(text, name="test.json"):
    """Return what an import asks for: a function that reads `text` anew each time."""
    return lambda: read(io.BytesIO(text.encode()), name=name)
