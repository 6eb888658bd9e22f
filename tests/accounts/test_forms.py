"""What the forms of the workspace have in common."""

from django import forms

from accounts.forms import StaffForm


class Form(StaffForm):
    name = forms.CharField(label="Name")
    kind = forms.ChoiceField(label="Kind", choices=[("a", "A")])
    reason = forms.CharField(label="Reason", error_messages={"required": "Say why."})


class TestStaffForm:
    def test_says_what_to_do_with_what_was_left_empty(self):
        assert {name: [*errors] for name, errors in Form({}).errors.items()} == {
            "name": ["Fill in “Name”."],
            "kind": ["Choose something under “Kind”."],
            "reason": ["Say why."],
        }
