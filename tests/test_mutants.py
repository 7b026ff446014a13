"""What the mutation tester plants."""

from __future__ import annotations

from tests.mutants.plant import mutants

SOURCE = '''
def clip(value: float, most: int = 3) -> float:
    """Docstring with 1 + 1."""
    if value < 0 or not value:
        raise ValueError(f"{value + 1}")
    return min(value * 2, most)
'''


def test_every_operator_number_and_choice_is_changed_once() -> None:
    planted = {(own.before, own.after) for own in mutants(SOURCE)}
    assert planted == {
        ("3", "4"),
        ("value < 0 or not value", "value < 0 and (not value)"),
        ("value < 0", "value <= 0"),
        ("0", "1"),
        ("not value", "not not value"),
        ("min(value * 2, most)", "max(value * 2, most)"),
        ("value * 2", "value / 2"),
        ("2", "3"),
    }


def test_a_mutant_differs_in_one_place() -> None:
    for own in mutants(SOURCE):
        compile(own.text, "mutant", "exec")
        assert own.text.count(own.after) >= 1
