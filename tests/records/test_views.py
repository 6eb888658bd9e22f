"""The patient's pages: each in pairs, what this patient may open and what nobody else may."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from records.models import Kind, Record
from records.services.opening import open_record
from tests.records.factories import (
    PatientFactory,
    RecordFactory,
    allergy,
    many_records,
    medicine,
    result,
)
from tests.records.pages import page, words

# Home and “My record” may hold any number of records and still ask this little.
MOST_QUERIES = 19


class TestEveryPageOfARecord:
    """A record has one reader on these pages; to everybody else it is not there."""

    def addresses(self, record):
        yield reverse("records:record", args=[record.pk])
        yield reverse("records:attachment", args=[record.pk, 1, 0])
        for name in ("proof", "download", "download-proof"):
            yield reverse(f"records:{name}", args=[record.pk, 1])

    def test_opens_for_the_patient(self, hers, haemoglobin_record):
        assert page(hers, "record", haemoglobin_record.pk).status_code == 200
        assert page(hers, "proof", haemoglobin_record.pk, 1).status_code == 200
        assert page(hers, "download", haemoglobin_record.pk, 1).status_code == 200

    def test_is_not_found_by_another_patient(self, client, haemoglobin_record):
        client.force_login(PatientFactory().user)

        assert {client.get(address).status_code for address in self.addresses(haemoglobin_record)} == {404}
        assert not Event.objects.openings().exists()

    def test_is_not_found_by_staff_even_if_they_treat_the_patient(self, client, haemoglobin_record, treating):
        client.force_login(treating)

        assert {client.get(address).status_code for address in self.addresses(haemoglobin_record)} == {404}

    def test_asks_a_stranger_to_sign_in(self, client, haemoglobin_record):
        for address in self.addresses(haemoglobin_record):
            response = client.get(address)
            assert response.status_code == 302
            assert response.url.startswith(reverse("account_login"))

    def test_changes_nothing_so_takes_no_post(self, hers, haemoglobin_record):
        assert {hers.post(address).status_code for address in self.addresses(haemoglobin_record)} == {405}

    def test_is_not_found_with_a_number_of_no_version(self, hers, haemoglobin_record):
        assert page(hers, "version", haemoglobin_record.pk, 7).status_code == 404
        assert page(hers, "attachment", haemoglobin_record.pk, 1, 99).status_code == 404

    def test_leaves_a_line_for_each_opening(self, hers, maria, haemoglobin_record):
        page(hers, "proof", haemoglobin_record.pk, 1)
        page(hers, "download", haemoglobin_record.pk, 1)

        events = Event.objects.openings().of_patient(maria.pk)
        assert [event.actor_id for event in events] == [maria.user.pk] * 2
        assert {event.ground for event in events} == {"own_record"}


class TestHome:
    def test_greets_the_patient(self, hers):
        response = hers.get(reverse("home"))

        assert response.status_code == 200
        assert "Welcome, Maria Rossi" in words(response)

    def test_sends_staff_to_their_workspace(self, client, doctor):
        client.force_login(doctor)

        assert client.get(reverse("home")).url == "/workspace/"

    def test_asks_a_stranger_to_sign_in(self, client, db):
        assert client.get(reverse("home")).url.startswith(reverse("account_login"))

    def test_tells_an_account_without_a_patient_what_to_do(self, client, maria):
        account, maria.user = maria.user, None
        maria.save()
        client.force_login(account)

        response = client.get(reverse("home"))

        assert response.status_code == 404
        assert "We cannot find your record" in words(response)

    def test_says_what_will_appear_when_there_is_nothing(self, hers):
        shown = words(hers.get(reverse("home")))

        assert "Your record is empty so far." in shown
        assert "Nobody but you has opened your record yet." in shown
        assert "Make your key for sharing" in shown
        assert "This does not mean that you have none." in shown

    def test_shows_the_newest_on_the_first_visit(self, hers, maria):
        many_records(maria, 7)

        response = hers.get(reverse("home"))

        assert "Your record holds 7 entries." in words(response)
        assert words(response).count('class="app-record__title"') == 5

    def test_counts_as_new_what_came_after_the_last_visit(self, client, maria, time_machine):
        time_machine.move_to("2026-03-02T10:00Z")
        RecordFactory(patient=maria, at=timezone.now())
        client.force_login(maria.user)
        client.get(reverse("home"))
        time_machine.move_to("2026-03-09T10:00Z")
        RecordFactory(patient=maria, at=timezone.now(), content=result(14.1, day="2026-03-08"))
        time_machine.move_to("2026-03-10T10:00Z")
        client.force_login(maria.user)

        for _twice in range(2):  # looking once does not make it old: the visit is not over
            shown = words(client.get(reverse("home")))
            assert "1 record is new or changed since your last visit on 2 March 2026." in shown
            assert "14.1 g/dL" in shown

    def test_lists_who_looked_but_not_the_patient_herself(self, hers, maria, treating, noon):
        open_record(RecordFactory(patient=maria).versions.get(), by=treating, at=noon)
        hers.get(reverse("records:timeline"))

        shown = words(hers.get(reverse("home")))

        assert "Dr Ada Okafor opened a record" in shown
        assert "Treats you at this hospital" in shown
        assert "You looked at a list" not in shown

    def test_shows_current_medicines_and_allergies_once(self, hers, maria):
        for fhir_id, status in (("a", "active"), ("b", "active"), ("c", "stopped")):
            name = "Old remedy" if status == "stopped" else "Metformin 500 mg"
            RecordFactory(patient=maria, fhir_id=fhir_id, content=medicine(name, status))
        RecordFactory(patient=maria, fhir_id="nuts", content=allergy("Peanuts"))

        glance = words(hers.get(reverse("home"))).partition("At a glance")[2]

        assert glance.count("Metformin 500 mg") == 1
        assert "Old remedy" not in glance
        assert "Peanuts" in glance

    @pytest.mark.parametrize("number", [5, 120])
    def test_asks_the_database_the_same_number_of_times(
        self, hers, maria, number, django_assert_max_num_queries
    ):
        many_records(maria, number, content=medicine("Metformin", "active"))

        with django_assert_max_num_queries(MOST_QUERIES + 9):
            hers.get(reverse("home"))


class TestTimeline:
    def test_lists_the_patients_records_and_nobody_elses(self, hers, haemoglobin_record):
        RecordFactory(content={**result(), "code": {"text": "Somebody else’s"}})

        shown = words(page(hers, "timeline"))

        assert "Haemoglobin" in shown
        assert "Somebody else" not in shown

    def test_groups_by_month_newest_first_and_undated_at_the_end(self, hers, maria):
        for number, day in enumerate(["2025-12-24", "2026-03-02", "2026-03-20"]):
            RecordFactory(patient=maria, fhir_id=f"dated-{number}", content=result(day=day))
        undated = {key: value for key, value in allergy("Pollen").items() if key != "recordedDate"}
        RecordFactory(patient=maria, content=undated)

        shown = words(page(hers, "timeline"))

        months = ["March 2026", "December 2025", "Without a date"]
        places = [shown.index(f">{month}</h2>") for month in months]
        assert places == sorted(places)
        assert shown.count(">March 2026</h2>") == 1

    def test_counts_each_kind(self, hers, maria):
        many_records(maria, 21)
        RecordFactory(patient=maria, content=allergy("Pollen"))

        contents = re.findall(r"\?kind=(\w+)\".*?contents__count\">(\d+)<", words(page(hers, "timeline")))

        assert contents == [("result", "21"), ("allergy", "1")]

    def test_filters_by_kind(self, hers, haemoglobin_record, maria):
        RecordFactory(patient=maria, content=allergy("Pollen"))

        shown = words(page(hers, "timeline", kind=Kind.ALLERGY))

        assert "Pollen" in shown
        assert "Haemoglobin" not in shown
        assert "1 record fits the filter." in shown

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"year": "2025"}, {"2025-12-24"}),
            (
                {"earliest_day": "2", "earliest_month": "3", "earliest_year": "2026"},
                {"2026-03-02", "2026-03-20"},
            ),
            ({"latest_day": "2", "latest_month": "3", "latest_year": "2026"}, {"2025-12-24", "2026-03-02"}),
            ({"source": "South Hospital"}, {"2026-03-20"}),
        ],
    )
    def test_filters_by_day_year_and_place(self, hers, maria, query, expected):
        for day, source in (
            ("2025-12-24", "North Hospital"),
            ("2026-03-02", "North Hospital"),
            ("2026-03-20", "South Hospital"),
        ):
            RecordFactory(patient=maria, fhir_id=f"on-{day}", source=source, content=result(day=day))

        shown = words(page(hers, "timeline", **query))

        listed = {str(record.pk): str(record.occurred_date) for record in Record.objects.all()}
        assert {day for pk, day in listed.items() if f"/record/{pk}/" in shown} == expected
        assert f"{len(expected)} record" in shown.partition('role="status"')[2][:80]

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ({"kind": "nonsense"}, "Choose one of the kinds in the list."),
            ({"year": "1066"}, "There is no record from that year."),
            ({"earliest_day": "31", "earliest_month": "2", "earliest_year": "2026"}, "Enter a real date"),
            ({"earliest_day": "3"}, "The date must include a month and a year."),
            (
                {
                    **{"earliest_day": "3", "earliest_month": "3", "earliest_year": "2026"},
                    **{"latest_day": "2", "latest_month": "3", "latest_year": "2026"},
                },
                "The last day must be the same as or after the first day.",
            ),
        ],
    )
    def test_says_beside_the_field_what_is_wrong_and_keeps_what_was_typed(
        self, hers, haemoglobin_record, query, error
    ):
        shown = words(page(hers, "timeline", **query))

        assert shown.count(error) == 2  # in the summary, and beside the field
        assert "<title>Error: My record" in shown
        for part, typed in query.items():
            if part not in ("kind", "year"):
                assert f'name="{part}" type="text" value="{typed}"' in shown

    def test_opens_the_filter_where_something_was_filled_in(self, hers, haemoglobin_record):
        by_kind, by_year = (
            page(hers, "timeline", **query) for query in ({"kind": "result"}, {"year": "2026"})
        )

        assert '<details class="nhsuk-details app-filter">' in words(by_kind)
        assert '<details class="nhsuk-details app-filter" open>' in words(by_year)

    def test_keeps_the_filter_from_page_to_page(self, hers, maria):
        many_records(maria, 45)

        shown = words(page(hers, "timeline", kind="result", page="2"))

        assert "Page 2 of 3" in shown
        assert "?kind=result&amp;page=1" in shown
        assert "?kind=result&amp;page=3" in shown

    @pytest.mark.parametrize("asked", ["nonsense", "0", "-3", "99999"])
    def test_shows_some_page_whatever_number_is_asked_for(self, hers, maria, asked):
        many_records(maria, 21)

        assert page(hers, "timeline", page=asked).status_code == 200

    def test_writes_one_line_that_names_what_the_page_showed(self, hers, maria):
        many_records(maria, 30)

        page(hers, "timeline")

        event = Event.objects.openings().get()
        assert len(event.facts["versions"]) == 20

    @pytest.mark.parametrize("number", [5, 500])
    def test_asks_the_database_the_same_number_of_times(
        self, hers, maria, number, django_assert_max_num_queries
    ):
        many_records(maria, number)

        with django_assert_max_num_queries(MOST_QUERIES):
            page(hers, "timeline")
