"""A patient with as many results as asked for, as FHIR that an import would be given."""

import json
from collections.abc import Iterator
from datetime import date, timedelta

PATIENT = {
    "resourceType": "Patient",
    "id": "amina",
    "name": [{"use": "official", "family": "Diallo", "given": ["Amina"]}],
    "gender": "female",
    "birthDate": "1980-03-04",
}
MEASURED = [
    ("718-7", "Hemoglobin", "g/dL"),
    ("2160-0", "Creatinine", "mg/dL"),
    ("2345-7", "Glucose", "mg/dL"),
]


def ndjson(results: int) -> bytes:
    """Return the patient and this many results, a line each."""
    return b"".join(line + b"\n" for line in _lines(results))


def _lines(results: int) -> Iterator[bytes]:
    yield json.dumps(PATIENT).encode()
    for number in range(results):
        code, name, unit = MEASURED[number % len(MEASURED)]
        observation = {
            "resourceType": "Observation",
            "id": f"result-{number}",
            "status": "final",
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "laboratory",
                        }
                    ]
                }
            ],
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": name}], "text": name},
            "subject": {"reference": "Patient/amina"},
            "effectiveDateTime": (date(2026, 5, 1) - timedelta(days=number // 5)).isoformat(),
            "valueQuantity": {
                "value": 10 + number % 70 / 10,
                "unit": unit,
                "system": "http://unitsofmeasure.org",
                "code": unit,
            },
            "referenceRange": [{"low": {"value": 11, "unit": unit}, "high": {"value": 16, "unit": unit}}],
        }
        yield json.dumps(observation).encode()
