"""The intrinsic functions and conditions of a template."""

from __future__ import annotations

import pytest

from tests.support.local.templates import API, QUEUE, TABLE, Project


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref Rows", "Rows"),
        ("!Ref Hello", "Hello"),
        ("!Ref Api", "Api"),
        ("!Ref Failures", "https://sqs.us-east-1.amazonaws.com/000000000000/Failures"),
        ("!GetAtt Rows.Arn", "arn:aws:dynamodb:us-east-1:000000000000:table/Rows"),
        ("!GetAtt Failures.Arn", "arn:aws:sqs:us-east-1:000000000000:Failures"),
        ("!GetAtt Failures.QueueName", "Failures"),
        ('!Sub "${Rows}-${AWS::Region}-${!Rows}"', "Rows-us-east-1-${Rows}"),
        ('!Sub ["${Rows}/${x}", {x: !Ref AWS::Partition}]', "Rows/aws"),
        ('!Sub "${Rows.Arn}/*"', "arn:aws:dynamodb:us-east-1:000000000000:table/Rows/*"),
        ('!Join ["-", [a, !Ref Rows, c]]', "a-Rows-c"),
        ('!Select [1, !Split [",", "a,b,c"]]', "b"),
        ("!FindInMap [Sizes, !Ref AWS::Region, big]", "99"),
        ("!If [Yes, right, wrong]", "right"),
        ("!If [No, wrong, right]", "right"),
        ("true", "true"),
        ("12", "12"),
    ],
)
def test_intrinsic_functions_resolve(project: Project, value: str, expected: str) -> None:
    more = (
        TABLE + QUEUE + "Mappings: {Sizes: {us-east-1: {big: '99'}}}\n"
        "Conditions:\n"
        "  'Yes': !And [!Equals [!Ref AWS::Region, us-east-1], !Not [!Condition 'No']]\n"
        "  'No': !Or [!Equals [a, b], !Equals [c, d]]\n"
    )
    value = value.replace("[Yes,", "['Yes',").replace("[No,", "['No',")
    assert project.variable(value, more) == expected


def test_no_value_removes_its_property(project: Project) -> None:
    more = "Conditions: {Never: !Equals [a, b]}\n"
    with pytest.raises(KeyError):
        project.variable("!If [Never, x, !Ref AWS::NoValue]", more)


def test_a_resource_whose_condition_is_false_is_absent(project: Project) -> None:
    conditional = QUEUE.replace("Queue\n", "Queue\n    Condition: Wanted\n")
    more = (
        "Parameters: {Queue: {Type: String, Default: 'no'}}\n"
        "Conditions: {Wanted: !Equals [!Ref Queue, 'yes']}\n"
    )
    assert project.load(API + conditional + more).queues == {}
    assert set(project.load(API + conditional + more, Queue="yes").queues) == {"Failures"}


def test_a_condition_that_depends_on_itself_is_an_error(project: Project) -> None:
    more = "Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}\n"
    assert "depends on itself" in project.error(
        API + QUEUE.replace("Queue\n", "Queue\n    Condition: A\n") + more
    )
