"""From a SAM template to CloudFormation, by AWS's own transform, offline."""

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
from samtranslator.yaml_helper import yaml_parse

from local.errors import TemplateError

# Its metrics object, used or not, warns at exit that nobody published it.
logging.getLogger("samtranslator.metrics").setLevel(logging.CRITICAL)

UPLOADED = "s3://local/code"  # the transform takes only code that `sam package` has uploaded


def read(path: Path, parameters: Mapping[str, str], region: str) -> tuple[dict[str, Any], dict[str, Path]]:
    """The template after its transform, and each function's code folder by logical id.

    Raises TemplateError for what YAML, or the transform, does not accept.
    """
    document = _parse(path)
    code = _take_code(document, path.parent)
    return _transform(document, parameters, region), code


def _parse(path: Path) -> dict[str, Any]:
    try:
        document = yaml_parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TemplateError(error.strerror or str(error)) from error
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise TemplateError(f"{where}{error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TemplateError(str(error)) from error
    resources = document.get("Resources") if isinstance(document, dict) else None
    if not isinstance(resources, dict) or not all(isinstance(item, dict) for item in resources.values()):
        raise TemplateError("has no Resources")
    assert isinstance(document, dict)
    return document


def _take_code(document: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Each function's folder, by logical id; the document is left with code that the transform accepts."""
    everywhere = (document.get("Globals") or {}).get("Function") or {}
    shared = everywhere.get("CodeUri")
    if shared is not None:
        everywhere["CodeUri"] = UPLOADED
    code: dict[str, Path] = {}
    for name, resource in document["Resources"].items():
        kind = resource.get("Type")
        if kind == "AWS::Serverless::Function":
            properties = resource.setdefault("Properties", {})
            uri = properties.get("CodeUri", shared)
            if isinstance(uri, str) and "://" not in uri:
                code[name] = (folder / uri).resolve()
                properties["CodeUri"] = UPLOADED
        elif kind == "AWS::Serverless::LayerVersion":
            resource.setdefault("Properties", {})["ContentUri"] = UPLOADED
    return code


@dataclass(frozen=True, slots=True)
class _Session:
    """All that the transform asks of boto3, which would look for a region in this machine's AWS settings."""

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
        # The transform trips over shapes that CloudFormation itself would refuse.
        raise TemplateError(f"is not a SAM template: {error}") from error
    return transformed
