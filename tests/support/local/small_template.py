"""A template of two functions, a table and a mapping, small enough to start for each test."""

from __future__ import annotations

from pathlib import Path

# A message is written to a table, and what follows the table's stream posts it back; "fail" it cannot.
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: prod}
Globals:
  Function: {Runtime: python3.13, CodeUri: ., Timeout: 20}
Resources:
  Api:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: !Ref Stage
      Routes:
        $connect: {FunctionArn: !GetAtt Write.Arn}
        $default: {FunctionArn: !GetAtt Write.Arn}
  Write:
    Type: AWS::Serverless::Function
    Properties:
      Handler: write.handler
      Environment:
        Variables:
          TABLE: !Ref Rows
          GREETING: hello
          DYNAMODB: !Sub https://dynamodb.${AWS::Region}.${AWS::URLSuffix}
  Follow:
    Type: AWS::Serverless::Function
    Properties:
      Handler: follow.handler
      Environment:
        Variables:
          CONNECTIONS: !Sub https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}/@connections
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Rows.StreamArn
      FunctionName: !Ref Follow
      StartingPosition: TRIM_HORIZON
      MaximumRetryAttempts: 0
      DestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}
  Failures: {Type: AWS::SQS::Queue}
  Bucket: {Type: AWS::S3::Bucket}
"""
WRITE = """
import json, os, urllib.request

def handler(event, context):
    if event["requestContext"]["eventType"] == "MESSAGE":
        connection = event["requestContext"]["connectionId"]
        row = {"pk": connection, "text": event["body"], "as": os.environ["GREETING"]}
        body = {"TableName": os.environ["TABLE"], "Item": {key: {"S": value} for key, value in row.items()}}
        headers = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
        urllib.request.urlopen(
            urllib.request.Request(os.environ["DYNAMODB"], json.dumps(body).encode(), headers)
        )
    return {"statusCode": 200}
"""
# A stream delivers at least once: after a restart a record can come again, for a connection that is gone.
FOLLOW = """
import os, urllib.error, urllib.parse, urllib.request

def handler(event, context):
    for record in event["Records"]:
        row = {key: value["S"] for key, value in record["dynamodb"]["NewImage"].items()}
        if row["text"] == "fail":
            raise ValueError("as told")
        url = os.environ["CONNECTIONS"] + "/" + urllib.parse.quote(row["pk"], safe="")
        try:
            urllib.request.urlopen(url, f"{row['as']}: {row['text']}".encode())
        except urllib.error.HTTPError as error:
            if error.code != 410:
                raise
"""


def write_template(folder: Path) -> Path:
    """Write the template and its functions into a folder, and return the template's path."""
    (folder / "write.py").write_text(WRITE)
    (folder / "follow.py").write_text(FOLLOW)
    path = folder / "template.yaml"
    path.write_text(TEMPLATE)
    return path
