"""The records that pass a mapping's filter criteria."""

from __future__ import annotations

from typing import Any

import pytest

from local.mappings.filters import Filters

HEAD = {
    "eventName": "MODIFY",
    "dynamodb": {
        "Keys": {"pk": {"S": "ROOM#general"}, "sk": {"S": "HEAD"}},
        "NewImage": {
            "seq": {"N": "42"},
            "topic": {"S": ""},
            "gone": {"NULL": True},
            "tags": {"L": [{"S": "red"}, {"S": "green"}]},
            "nick": None,
        },
        "SizeBytes": 300,
    },
}


def image(attribute: str, rules: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": {attribute: rules}}}


def passes(*patterns: dict[str, Any]) -> bool:
    return Filters(patterns).passes(HEAD)


def test_without_a_pattern_everything_passes() -> None:
    assert passes()


def test_an_exact_value_matches_itself_alone() -> None:
    assert passes({"dynamodb": {"Keys": {"sk": {"S": ["HEAD"]}}}})
    assert not passes({"dynamodb": {"Keys": {"sk": {"S": ["head"]}}}})


def test_several_values_of_a_field_are_alternatives() -> None:
    assert passes({"eventName": ["INSERT", "MODIFY"]})
    assert not passes({"eventName": ["INSERT", "REMOVE"]})


def test_several_fields_must_all_match() -> None:
    assert passes({"eventName": ["MODIFY"], "dynamodb": {"Keys": {"sk": {"S": ["HEAD"]}}}})
    assert not passes({"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": ["HEAD"]}}}})


def test_several_patterns_are_alternatives() -> None:
    assert passes({"eventName": ["INSERT"]}, {"eventName": ["MODIFY"]})
    assert not passes({"eventName": ["INSERT"]}, {"eventName": ["REMOVE"]})


def test_a_field_that_the_record_lacks_matches_nothing() -> None:
    assert not passes(image("missing", {"S": ["x"]}))
    assert not passes(image("missing", {"S": [{"anything-but": "x"}]}))


def test_prefix_and_suffix_look_at_the_ends_of_a_string() -> None:
    assert passes({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ROOM#"}]}}}})
    assert not passes({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "SIG#"}]}}}})
    assert passes({"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "general"}]}}}})
    assert not passes({"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "GENERAL"}]}}}})
    assert not passes({"dynamodb": {"SizeBytes": [{"prefix": "3"}]}})


def test_equals_ignore_case_ignores_only_case() -> None:
    assert passes({"dynamodb": {"Keys": {"sk": {"S": [{"equals-ignore-case": "Head"}]}}}})
    assert not passes({"dynamodb": {"Keys": {"sk": {"S": [{"equals-ignore-case": "Heads"}]}}}})


def test_anything_but_excludes_one_value_or_each_of_a_list() -> None:
    assert passes({"eventName": [{"anything-but": "REMOVE"}]})
    assert passes({"eventName": [{"anything-but": ["REMOVE", "INSERT"]}]})
    assert not passes({"eventName": [{"anything-but": ["REMOVE", "MODIFY"]}]})


def test_exists_sees_leaves_only() -> None:
    assert passes(image("seq", {"N": [{"exists": True}]}))
    assert not passes(image("seq", {"N": [{"exists": False}]}))
    assert not passes(image("seq", [{"exists": True}]))  # {"N": …} is no leaf
    assert passes(image("seq", {"S": [{"exists": False}]}))


def test_exists_false_matches_where_the_whole_branch_is_missing() -> None:
    assert passes({"dynamodb": {"OldImage": {"seq": {"N": [{"exists": False}]}}}})
    assert not passes({"dynamodb": {"OldImage": {"seq": {"N": [{"exists": True}]}}}})


def test_a_list_is_searched() -> None:
    assert passes(image("tags", {"L": {"S": ["green"]}}))
    assert passes(image("tags", {"L": {"S": [{"exists": True}]}}))
    assert not passes(image("tags", {"L": {"S": ["blue"]}}))


def test_null_and_empty_are_values_like_others() -> None:
    assert passes(image("nick", [None]))
    assert not passes(image("missing", [None]))
    assert passes(image("topic", {"S": [""]}))
    assert not passes({"eventName": [""]})
    assert passes(image("gone", {"NULL": [True]}))


def test_numbers_are_compared_by_their_text() -> None:
    assert passes({"dynamodb": {"SizeBytes": [300]}})
    assert not passes({"dynamodb": {"SizeBytes": [300.0]}})
    assert not passes(image("gone", {"NULL": [1]}))


def test_numeric_compares_numbers_and_ranges() -> None:
    assert passes({"dynamodb": {"SizeBytes": [{"numeric": ["=", 300]}]}})
    assert passes({"dynamodb": {"SizeBytes": [{"numeric": [">", 100, "<=", 300]}]}})
    assert not passes({"dynamodb": {"SizeBytes": [{"numeric": [">", 100, "<", 300]}]}})
    assert not passes({"dynamodb": {"SizeBytes": [{"numeric": [">=", 301]}]}})


def test_numeric_never_matches_an_attribute_because_its_number_is_a_string() -> None:
    assert not passes(image("seq", {"N": [{"numeric": ["=", 42]}]}))
    assert passes(image("seq", {"N": ["42"]}))


def test_or_joins_different_fields() -> None:
    def either(name: str, size: int) -> dict[str, Any]:
        return {"$or": [{"eventName": [name]}, {"dynamodb": {"SizeBytes": [size]}}]}

    assert passes(either("INSERT", 300))
    assert passes(either("MODIFY", 1))
    assert not passes(either("INSERT", 1))
    assert not passes(either("MODIFY", 300) | {"awsRegion": ["nowhere"]})


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"eventName": "MODIFY"},
        {"eventName": []},
        {"eventName": [["MODIFY"]]},
        {"eventName": [{"wildcard": "M*"}]},
        {"eventName": [{"prefix": 3}]},
        {"eventName": [{"exists": "yes"}]},
        {"eventName": [{"numeric": [">"]}]},
        {"eventName": [{"numeric": ["~", 3]}]},
        {"eventName": [{"anything-but": []}]},
        {"eventName": [{"anything-but": {"prefix": "M"}}]},
        {"eventName": [{"prefix": "M", "suffix": "Y"}]},
        {"dynamodb": {}},
        {"$or": [{"eventName": ["MODIFY"]}]},
        {"Pattern": '{"eventName": ["MODIFY"]}'},
    ],
)
def test_a_pattern_that_aws_would_reject_is_an_error_at_once(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the pattern"):
        Filters([pattern])
