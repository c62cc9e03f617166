"""Turns a SAM template into CloudFormation, with AWS's own transform, offline."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from samtranslator.model.exceptions import ExceptionWithMessage, InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import intrinsics_multi_constructor, yaml_parse

from local.errors import TemplateError

# Its metrics object warns at exit that it was not published, even if it was not used.
logging.getLogger("samtranslator.metrics").setLevel(logging.CRITICAL)

UPLOADED = "s3://local/code"  # the transform accepts only uploaded code, as after `sam package`


def read(path: Path, parameters: Mapping[str, str], region: str) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return the transformed template, and each function's code folder by logical id.

    Raises TemplateError if it is not valid YAML, or the transform rejects it.
    """
    document = _parse(path)
    code = _take_code(document, path.parent)
    return _transform(document, parameters, region), code


def _parse(path: Path) -> dict[str, Any]:
    try:
        document = _parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TemplateError(error.strerror or str(error)) from error
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise TemplateError(f"{where}{error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TemplateError(str(error)) from error
    resources = document.get("Resources") if isinstance(document, dict) else None
    if not isinstance(resources, dict) or not all(isinstance(item, dict) for item in resources.values()):
        raise TemplateError("has no Resources section")
    assert isinstance(document, dict)
    return document


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The loader of yaml_parse, in C where PyYAML has it: ten times as fast."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def _parse_yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError:  # C's messages are shorter
        return yaml_parse(text)


def _take_code(document: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Return each function's folder by logical id; replace it by a URI that the transform accepts."""
    shared = (document.get("Globals") or {}).get("Function") or {}
    default = shared.get("CodeUri")
    if default is not None:
        shared["CodeUri"] = UPLOADED
    code: dict[str, Path] = {}
    for name, resource in document["Resources"].items():
        kind = resource.get("Type")
        if kind == "AWS::Serverless::Function":
            properties = resource.setdefault("Properties", {})
            uri = properties.get("CodeUri", default)
            if isinstance(uri, str) and "://" not in uri:
                code[name] = (folder / uri).resolve()
                properties["CodeUri"] = UPLOADED
        elif kind == "AWS::Serverless::LayerVersion":
            resource.setdefault("Properties", {})["ContentUri"] = UPLOADED
    return code


@dataclass(frozen=True, slots=True)
class _Session:
    """Stands for a boto3 session, which would read this machine's AWS settings."""

    region_name: str


def _transform(document: dict[str, Any], parameters: Mapping[str, str], region: str) -> dict[str, Any]:
    translator = Translator(None, Parser(), boto_session=_Session(region))
    try:
        transformed: dict[str, Any] = translator.translate(document, dict(parameters))
    except InvalidDocumentException as error:
        raise TemplateError("; ".join(cause.message for cause in error.causes)) from error
    except ExceptionWithMessage as error:
        raise TemplateError(error.message) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The transform fails on forms that CloudFormation itself would reject.
        raise TemplateError(f"is not a SAM template: {error}") from error
    return transformed
