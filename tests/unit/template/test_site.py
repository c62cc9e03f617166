"""The site: the page and the socket under one host, in site.yaml, which template.yaml nests."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.errors import TemplateError
from local.template import sam
from local.template.intrinsics import Resolver
from local.template.load import load
from tests.support.deployed_template import resolved_with
from tests.support.project import ROOT, TEMPLATE

API = "abc123.execute-api.eu-north-1.amazonaws.com"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f3a9a52-6d0c-4b0e-9d55-3a1d7d0f3b5e"
DISTRIBUTION = "arn:aws:cloudfront::000000000000:distribution/Distribution"


def resolved_site(**parameters: str) -> Resolver:
    written = yaml_parse((ROOT / "site.yaml").read_text())
    given = {"ApiDomain": API, "StageName": "live_2", "Domain": "", "CertificateArn": "", **parameters}
    return Resolver(written, given, "eu-north-1")


@pytest.fixture(scope="module")
def site() -> Resolver:
    return resolved_site()


@pytest.fixture(scope="module")
def distribution(site: Resolver) -> dict[str, Any]:
    config: dict[str, Any] = site.properties("Distribution")["DistributionConfig"]
    return config


def test_a_stack_has_a_site_only_if_asked() -> None:
    without, on = resolved_with(), resolved_with(Site="on", StageName="live")
    assert "SiteStack" not in without.resources
    assert on.properties("SiteStack")["Parameters"] == {
        "ApiDomain": "ChatApi.execute-api.us-east-1.amazonaws.com",
        "StageName": "live",
        "Domain": "",
        "CertificateArn": "",
    }
    outputs = yaml_parse(TEMPLATE.read_text())["Outputs"]
    for name in ("SiteUrl", "SiteBucketName", "SiteDistributionId"):
        assert outputs[name]["Condition"] == "SiteOn"


def test_cloudformation_of_every_region_knows_the_types_of_a_stack_without_a_site() -> None:
    # It rejects a template that names an unknown type, also under a condition. GovCloud and China lack these.
    kinds = {resource["Type"] for resource in yaml_parse(TEMPLATE.read_text())["Resources"].values()}
    assert not [kind for kind in kinds if "CloudFront" in kind or "S3" in kind]


def test_the_sites_own_page_may_connect_beside_the_allowed_origins() -> None:
    def origins(**parameters: str) -> str:
        resolved = resolved_with(**parameters)
        allowed: str = resolved.properties("AuthorizerFunction")["Environment"]["Variables"][
            "ALLOWED_ORIGINS"
        ]
        return allowed

    mine = "https://app.test"
    assert origins(AllowedOrigins=mine) == mine
    assert origins(AllowedOrigins=mine, Site="on") == f"{mine},SiteStack.Outputs.Origin"


def test_the_local_engine_runs_a_stack_with_a_site_without_it() -> None:
    stack = load(TEMPLATE, parameters={"Site": "on"})
    assert [line for line in stack.unknown if "Site" in line] == [
        "SiteStack: AWS::CloudFormation::Stack is not run here"
    ]


def test_no_resource_of_a_stack_with_a_site_waits_for_itself() -> None:
    # The authorizer knows the site's origin, the site the API, and the API's parts the authorizer.
    template, _ = sam.read(TEMPLATE, {"Site": "on"}, "us-east-1")
    resources = template["Resources"]
    needs = {name: named_in(resource) & set(resources) for name, resource in resources.items()}
    assert "SiteStack" in needs["AuthorizerFunction"]
    assert "ChatApi" in needs["SiteStack"]
    assert list(TopologicalSorter(needs).static_order())  # raises CycleError


def test_a_handshake_reaches_the_api_with_its_query_and_headers_and_under_its_own_host(
    distribution: dict[str, Any],
) -> None:
    (socket,) = distribution["CacheBehaviors"]
    assert socket["PathPattern"] == "/live_2"
    assert socket["ViewerProtocolPolicy"] == "https-only"
    # AWS's CachingDisabled and AllViewerExceptHostHeader, as site.yaml says with where they are listed.
    assert socket["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert socket["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    origin = origins_of(distribution)[socket["TargetOriginId"]]
    assert (origin["DomainName"], origin["CustomOriginConfig"]["OriginProtocolPolicy"]) == (API, "https-only")
    assert "OriginPath" not in origin  # the path is the stage already


def test_the_page_may_have_a_host_name_of_its_own() -> None:
    own = resolved_site(Domain="chat.example.com", CertificateArn=CERTIFICATE)
    config = own.properties("Distribution")["DistributionConfig"]
    assert config["Aliases"] == ["chat.example.com"]
    assert config["ViewerCertificate"]["AcmCertificateArn"] == CERTIFICATE
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    outputs = yaml_parse((ROOT / "site.yaml").read_text())["Outputs"]
    assert own.resolve(outputs["Origin"]["Value"]) == "https://chat.example.com"
    without = resolved_site()
    assert without.resolve(outputs["Origin"]["Value"]) == "https://Distribution.DomainName"
    assert not {"Aliases", "ViewerCertificate"} & set(
        without.properties("Distribution")["DistributionConfig"]
    )
    for alone in ({"SiteDomain": "chat.example.com"}, {"SiteCertificateArn": CERTIFICATE}):
        with pytest.raises(TemplateError, match="need each other"):
            resolved_with(Site="on", **alone)


def test_a_rejected_handshake_is_answered_by_the_api_and_only_once(distribution: dict[str, Any]) -> None:
    errors = distribution["CustomErrorResponses"]
    assert {403, 500, 502, 503, 504} <= {error["ErrorCode"] for error in errors}
    assert all(set(error) == {"ErrorCode", "ErrorCachingMinTTL"} for error in errors)  # no pages
    assert {error["ErrorCachingMinTTL"] for error in errors} == {0}


def test_only_this_distribution_reads_the_files_and_nobody_else(site: Resolver) -> None:
    (statement,) = site.properties("FilesPolicy")["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"{site.arn('Files')}/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": DISTRIBUTION}},
    }
    files = site.properties("Files")
    assert set(files["PublicAccessBlockConfiguration"].values()) == {True}
    assert "WebsiteConfiguration" not in files
    (files_origin,) = (
        origin
        for origin in origins_of(site.properties("Distribution")["DistributionConfig"]).values()
        if "S3OriginConfig" in origin
    )
    assert files_origin["OriginAccessControlId"] == "FilesAccess"


def test_a_bucket_that_cloudformation_cannot_delete_does_not_stop_it(site: Resolver) -> None:
    assert site.resources["Files"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_the_page_is_compressed_over_https_and_kept_as_long_as_its_files_say(
    distribution: dict[str, Any],
) -> None:
    page = distribution["DefaultCacheBehavior"]
    assert (page["ViewerProtocolPolicy"], page["Compress"]) == ("redirect-to-https", True)
    assert page["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"  # CachingOptimized
    assert page["AllowedMethods"] == ["GET", "HEAD"]
    assert distribution["DefaultRootObject"] == "index.html"


def test_the_pages_headers_are_those_that_its_security_needs(
    site: Resolver, distribution: dict[str, Any]
) -> None:
    assert distribution["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == "Headers"
    config = site.properties("Headers")["ResponseHeadersPolicyConfig"]
    headers = config["SecurityHeadersConfig"]
    assert all(header["Override"] for header in [*headers.values(), *config["CustomHeadersConfig"]["Items"]])
    assert set(headers) >= {"ContentTypeOptions"}
    assert headers["FrameOptions"]["FrameOption"] == "DENY"
    assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000


def origins_of(distribution: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {origin["Id"]: origin for origin in distribution["Origins"]}


def named_in(node: Any) -> set[str]:
    """Return all names that Ref, GetAtt, Sub and DependsOn have below a node."""
    if isinstance(node, list):
        return {name for item in node for name in named_in(item)}
    if isinstance(node, str):
        return set()
    if not isinstance(node, dict):
        return set()
    names = named_in(list(node.values()))
    for key, value in node.items():
        match key:
            case "Ref" | "DependsOn":
                names |= {value} if isinstance(value, str) else set(value)
            case "Fn::GetAtt":
                names.add(value[0] if isinstance(value, list) else value.split(".")[0])
            case "Fn::Sub":
                text = value if isinstance(value, str) else value[0]
                names |= {name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
    return names
