"""ARNs, URLs and attributes of resources, as they would be in the local account."""

from __future__ import annotations

from local.aws_defaults import ACCOUNT, PARTITION
from local.errors import TemplateError

URL_SUFFIX = "amazonaws.com"
STREAM_LABEL = "2026-01-01T00:00:00.000"


def arn(kind: str, name: str, region: str) -> str:
    """Return the ARN of a resource of this type and physical name."""
    service = kind.split("::")[1].lower() if "::" in kind else "unknown"
    prefix = f"arn:{PARTITION}:{service}:{region}:{ACCOUNT}"
    match kind:
        case "AWS::DynamoDB::Table":
            return f"{prefix}:table/{name}"
        case "AWS::Lambda::Function":
            return f"{prefix}:function:{name}"
        case "AWS::Logs::LogGroup":
            return f"{prefix}:log-group:{name}:*"
        case "AWS::IAM::Role":
            return f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}"
    return f"{prefix}:{name}"


def queue_url(name: str, region: str) -> str:
    return f"https://sqs.{region}.{URL_SUFFIX}/{ACCOUNT}/{name}"


def attribute(kind: str, logical: str, name: str, attribute: str, region: str) -> str:
    """Return what Fn::GetAtt gives for a resource. Raises TemplateError if it has no such attribute."""
    match kind, attribute:
        case _, "Arn":
            return arn(kind, name, region)
        case "AWS::DynamoDB::Table", "StreamArn":
            return f"{arn(kind, name, region)}/stream/{STREAM_LABEL}"
        case "AWS::SQS::Queue", "QueueName":
            return name
        case "AWS::SQS::Queue", "QueueUrl":
            return queue_url(name, region)
        case "AWS::ApiGatewayV2::Api", "ApiId":
            return logical
        case "AWS::ApiGatewayV2::Api", "ApiEndpoint":
            return f"wss://{logical}.execute-api.{region}.{URL_SUFFIX}"
        case "AWS::DynamoDB::Table" | "AWS::Lambda::Function" | "AWS::SQS::Queue", _:
            raise TemplateError(f"{kind} {logical} has no attribute {attribute}")
    return f"{logical}.{attribute}"  # the resource does not exist here: any distinct value will do
