import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import Ajv from "ajv";
import { parse } from "yaml";

const schema = createRequire(import.meta.url)("@asyncapi/specs/schemas/3.0.0.json");
// It brings the JSON Schema of schemas along, and ajv would too; its formats are ajv-formats' affair.
const isAsyncApi = new Ajv({ strict: false, meta: false, validateSchema: false, validateFormats: false }).compile(schema);

const read = () => parse(readFileSync(new URL("../../../../docs/asyncapi.yaml", import.meta.url), "utf8"));

test("docs/asyncapi.yaml is an AsyncAPI 3.0.0 document", () => {
  assert.ok(isAsyncApi(read()), JSON.stringify(isAsyncApi.errors, null, 2));
});

test("a document with a mistake is not valid", () => {
  /** @type {[string, (document: any) => void][]} */
  const mistakes = [
    ["another version", (document) => (document.asyncapi = "2.6.0")],
    ["a channel's message of a wrong type", (document) => (document.channels.chat.messages.send = { payload: 7 })],
    ["an operation that neither sends nor receives", (document) => (document.operations.send.action = "publish")],
    ["an operation without a channel", (document) => delete document.operations.send.channel],
    ["a schema with an unknown type", (document) => (document.components.schemas.seq.type = "number of messages")],
    ["an unknown field", (document) => (document.components.messages.send.reply = {})],
  ];
  for (const [name, make] of mistakes) {
    const document = read();
    make(document);
    assert.equal(isAsyncApi(document), false, name);
  }
});
