"""The smallest templates, and a folder that they are loaded from."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.errors import TemplateError
from local.stack import Stack
from local.template.load import Endpoints, load

# A template needs a socket API; what a test is about comes after it.
API = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.13, CodeUri: code/}
Resources:
  Api:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: live
      Routes:
        $connect: {FunctionArn: !GetAtt Hello.Arn}
        $default: {FunctionArn: !GetAtt Hello.Arn, IntegrationTimeout: 5000}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: hello.app.handler
"""


TABLE = """
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: gone_at, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
"""


QUEUE = """
  Failures:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 30, SqsManagedSseEnabled: true}
"""


MAPPING = """
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Rows.StreamArn
      FunctionName: !Ref Hello
      StartingPosition: TRIM_HORIZON
"""


QUEUE_MAPPING = """
  QueueMapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Failures.Arn
      FunctionName: !Ref Hello
"""


FIFO = """
  Failures:
    Type: AWS::SQS::Queue
    Properties:
      FifoQueue: true
      ContentBasedDeduplication: true
      DeduplicationScope: messageGroup
      FifoThroughputLimit: perMessageGroupId
      VisibilityTimeout: 30
      MessageRetentionPeriod: 1209600
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Lost.Arn, maxReceiveCount: 5}
  Lost:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true}
"""


class Project:
    """A folder with one handler file, and templates written into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        handler = folder / "code" / "hello" / "app.py"
        handler.parent.mkdir(parents=True)
        handler.write_text("def handler(event, context): ...\n")

    def load(self, template: str, endpoints: Endpoints | None = None, **parameters: str) -> Stack:
        path = self.folder / "template.yaml"
        path.write_text(template)
        return load(path, parameters=parameters, endpoints=endpoints)

    def error(self, template: str, **parameters: str) -> str:
        with pytest.raises(TemplateError) as caught:
            self.load(template, **parameters)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith("template.yaml: ")
        return message

    def variable(
        self, value: str, more: str = "", endpoints: Endpoints | None = None, **parameters: str
    ) -> str:
        """Return the value of a variable of Hello."""
        resources = API + f"      Environment: {{Variables: {{IT: {value}}}}}\n"
        return self.load(resources + more, endpoints, **parameters).functions["Hello"].environment["IT"]
