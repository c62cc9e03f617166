"""The numbers of the real system that benchmarks use are the real system's."""

from __future__ import annotations

from apigateway.rate import INITIAL_RATE
from bench import deployed, worker
from bench.simulator import DEFAULT_QUOTA, MAX_MESSAGE, Settings
from local.aws_defaults import Limits


def test_the_deployed_numbers_are_in_their_usual_ranges() -> None:
    assert (deployed.LARGE_ROOM, deployed.SLICES, deployed.BATCH_SIZE) == (1_000, 16, 1_000)
    assert deployed.INITIAL_SLICE_POST_RATE < deployed.INITIAL_POST_RATE
    assert deployed.MESSAGE_GB < deployed.FANOUT_GB == deployed.SLICE_GB


def test_an_instance_begins_at_the_rate_that_is_the_default() -> None:
    assert deployed.INITIAL_POST_RATE == INITIAL_RATE


def test_the_simulated_gateway_has_the_limits_of_the_local_engines() -> None:
    limits = Limits()
    assert (DEFAULT_QUOTA.rate, DEFAULT_QUOTA.burst) == (limits.request_rate, limits.request_burst)
    assert limits.message == MAX_MESSAGE


def test_a_measured_process_signs_as_the_simulated_gateway_expects() -> None:
    settings, environment = Settings(), worker.environment()
    assert environment["AWS_ACCESS_KEY_ID"] == settings.access_key
    assert environment["AWS_SECRET_ACCESS_KEY"] == settings.secret_key
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == settings.region
