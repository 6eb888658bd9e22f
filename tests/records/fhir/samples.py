"""Small resources to begin a test with."""

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


def coded(code, display="", system=SNOMED):
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def rows_of(presented):
    return {row.label: row.value for row in presented.rows}


def observation(**more):
    weight = coded("29463-7", "Body weight", LOINC)
    return {"resourceType": "Observation", "id": "o1", "status": "final", "code": weight, **more}
