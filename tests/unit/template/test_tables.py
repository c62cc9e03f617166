"""The tables."""

from __future__ import annotations

from chat.protocol.pages import GAP_FINAL_AFTER
from local.template.intrinsics import Resolver
from tests.support.deployed_template import of_type, resolved_with


def test_both_tables_are_paid_per_request_and_delete_expired_items(resolved: Resolver) -> None:
    tables = of_type(resolved, "AWS::DynamoDB::Table")
    assert set(tables) == {"ConnectionsTable", "MessagesTable"}
    for table in tables.values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]} == {
            "pk": "HASH",
            "sk": "RANGE",
        }
        assert "GlobalSecondaryIndexes" not in table


def test_a_gap_is_final_when_the_stream_has_given_up_its_record(resolved: Resolver) -> None:
    assert (
        resolved.properties("FanoutMapping")["MaximumRecordAgeInSeconds"] == GAP_FINAL_AFTER.total_seconds()
    )


def test_messages_are_streamed_and_can_be_restored(resolved: Resolver) -> None:
    messages = resolved.properties("MessagesTable")
    assert messages["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert messages["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert messages["DeletionProtectionEnabled"] is False  # make destroy has to work
    assert resolved.resources["MessagesTable"]["UpdateReplacePolicy"] == "Retain"
    assert "StreamSpecification" not in resolved.properties("ConnectionsTable")


def test_recovery_and_protection_of_the_messages_are_parameters() -> None:
    messages = resolved_with(PointInTimeRecovery="off", DeletionProtection="on").properties("MessagesTable")
    assert messages["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": False}
    assert messages["DeletionProtectionEnabled"] is True
