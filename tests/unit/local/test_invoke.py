"""`python -m local invoke`."""

from __future__ import annotations

import gc
import io
import json
from pathlib import Path

import pytest

from local.cli import main

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: {Type: String, Default: hello}
Globals:
  Function: {Runtime: python3.13, CodeUri: .}
Resources:
  Api:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: prod
      Routes: {$connect: {FunctionArn: !GetAtt Talk.Arn}}
  Talk:
    Type: AWS::Serverless::Function
    Properties:
      Handler: talk.handler
      Environment:
        Variables:
          WORD: !Ref Word
          ENDPOINT: !Sub https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/prod
"""
HANDLER = """
import os

def handler(event, context):
    print("working on it")
    if event.get("fail"):
        raise ValueError("as told")
    return {"event": event, **{name: os.environ.get(name) for name in ("WORD", "ENDPOINT", "OTHER")}}
"""


class Terminal:
    """Runs the command in a project's folder; its output is in `out` and `err`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def file(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def invoke(self, *arguments: str) -> int:
        status = main(["invoke", *arguments])
        gc.unfreeze()  # this process goes on
        self.out, self.err = self._capsys.readouterr()
        return status


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal(tmp_path, capsys)
    terminal.file("template.yaml", TEMPLATE)
    terminal.file("talk.py", HANDLER)
    monkeypatch.chdir(tmp_path)
    return terminal


def test_the_result_is_on_standard_output_and_the_logs_beside_it(terminal: Terminal) -> None:
    event = terminal.file("event.json", {"n": 1})
    assert terminal.invoke("Talk", "-e", event) == 0
    assert terminal.err == "working on it\n"
    assert terminal.out.count("\n") == 1
    assert json.loads(terminal.out)["event"] == {"n": 1}


def test_the_event_may_come_from_standard_input_or_be_left_out(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"n": 2}'))
    assert terminal.invoke("Talk", "--event", "-") == 0
    assert json.loads(terminal.out)["event"] == {"n": 2}
    assert terminal.invoke("Talk") == 0
    assert json.loads(terminal.out)["event"] == {}


def test_the_environment_is_the_templates_and_points_at_aws(terminal: Terminal) -> None:
    assert terminal.invoke("Talk") == 0
    answer = json.loads(terminal.out)
    assert answer["WORD"] == "hello"
    assert answer["ENDPOINT"] == "https://Api.execute-api.us-east-1.amazonaws.com/prod"


def test_a_parameter_can_be_set(terminal: Terminal) -> None:
    assert terminal.invoke("Talk", "--set", "Word=welcome") == 0
    assert json.loads(terminal.out)["WORD"] == "welcome"


@pytest.mark.parametrize(
    ("overrides", "word"),
    [
        ({"Parameters": {"WORD": "all"}}, "all"),
        ({"Talk": {"WORD": "own"}}, "own"),
        ({"Talk": {"WORD": "own"}, "Parameters": {"WORD": "all"}}, "own"),
        ({"Other": {"WORD": "of another"}}, "hello"),
        ({"Talk": {"WORD": True}}, "true"),
        ({"Talk": {"WORD": None}}, ""),
    ],
)
def test_variables_are_overridden_as_sam_does(
    terminal: Terminal, overrides: dict[str, dict[str, object]], word: str
) -> None:
    variables = terminal.file("env.json", overrides)
    assert terminal.invoke("Talk", "--env-vars", variables) == 0
    assert json.loads(terminal.out)["WORD"] == word


def test_a_variable_that_the_template_does_not_declare_is_ignored(terminal: Terminal) -> None:
    variables = terminal.file("env.json", {"Talk": {"OTHER": "x"}, "Parameters": {"OTHER": "y"}})
    assert terminal.invoke("Talk", "--env-vars", variables) == 0
    assert json.loads(terminal.out)["OTHER"] is None


def test_a_function_that_fails_prints_its_error_document_and_exits_with_0_as_sam_does(
    terminal: Terminal,
) -> None:
    event = terminal.file("event.json", {"fail": True})
    assert terminal.invoke("Talk", "-e", event) == 0
    error = json.loads(terminal.out)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "as told")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["Tolk"], "function Tolk is not in the template; use one of: Talk"),
        (["Talk", "-e", "gone.json"], "gone.json: No such file or directory"),
        (["Talk", "-e", "text.json"], "text.json is not JSON"),
        (["Talk", "-e", "list.json"], "list.json must be a JSON object"),
        (["Talk", "--env-vars", "gone.json"], "gone.json: No such file or directory"),
        (["Talk", "--env-vars", "text.json"], "text.json is not JSON"),
        (["Talk", "--env-vars", "flat.json"], "flat.json must have the form"),
        (["Talk", "--template", "gone.yaml"], "gone.yaml: No such file or directory"),
        (["Talk", "--set", "Wort=x"], "no parameter Wort"),
    ],
)
def test_an_error_is_one_line(terminal: Terminal, arguments: list[str], reason: str) -> None:
    terminal.file("text.json", "not json")
    terminal.file("list.json", [])
    terminal.file("flat.json", {"WORD": "x"})
    assert terminal.invoke(*arguments) == 1
    assert terminal.out == ""
    assert terminal.err.count("\n") == 1
    assert terminal.err.startswith("local: ")
    assert reason in terminal.err
