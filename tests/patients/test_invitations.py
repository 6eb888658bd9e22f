"""The code in the letter: hard to guess, easy to type."""

from patients.invitations import ALPHABET, LENGTH, code_token, new_code, plain_code


class TestNewCode:
    def test_has_sixty_bits(self):
        assert len(ALPHABET) ** LENGTH >= 2**60

    def test_comes_in_groups_of_four(self):
        groups = new_code().split("-")

        assert [len(group) for group in groups] == [4, 4, 4]
        assert set("".join(groups)) <= set(ALPHABET)

    def test_has_no_letter_that_looks_like_a_digit(self):
        assert not set("ILOU") & set(ALPHABET)

    def test_is_never_the_same(self):
        assert len({new_code() for _ in range(1000)}) == 1000


class TestPlainCode:
    def test_forgives_how_people_type(self):
        assert plain_code(" 7k3m p2xw–9rt0 ") == "7K3MP2XW9RT0"

    def test_takes_letters_for_the_digits_they_look_like(self):
        assert plain_code("OIL0-11AB") == "01101" + "1AB"


def test_token_tells_nothing_of_the_code():
    token = code_token("7K3M-P2XW-9RTA")

    assert token == code_token("7k3mp2xw9rta")
    assert token != code_token("7K3M-P2XW-9RTB")
    assert len(token) == 16
