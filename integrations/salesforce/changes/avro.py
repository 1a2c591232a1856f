"""Decode the payload of a change event: Avro, and the bitmaps that name the changed fields. Pure.

Source: Salesforce Pub/Sub API documentation, "Event Deserialization Considerations" (changedFields,
nulledFields, diffFields are bitmaps over the schema's fields, least significant bit first; `4-0x12` means
fields within the compound field at position 4).
"""

import io
import json
from typing import Any

import fastavro

_BITMAPS = ("changedFields", "nulledFields", "diffFields")


class Undecodable(ValueError):
    """A payload that does not fit its schema."""


class ChangeSchema:
    """One version of an event's schema."""

    def __init__(self, schema_json: str) -> None:
        """Parse a schema.

        Raises:
            Undecodable: it is none.
        """
        try:
            document = json.loads(schema_json)
            self._names = [str(item["name"]) for item in document["fields"]]
            self._schema = fastavro.parse_schema(document)
        except (ValueError, KeyError, TypeError, fastavro.schema.SchemaParseException) as error:
            raise Undecodable("not an Avro schema of a record") from error

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return the fields of an event, with names in place of bitmaps.

        Raises:
            Undecodable: the payload is of another schema.
        """
        try:
            event = fastavro.schemaless_reader(io.BytesIO(payload), self._schema, None)
            if not isinstance(event, dict):
                raise Undecodable("not a record")
            header = event.get("ChangeEventHeader") or {}
            for name in _BITMAPS:
                header[name] = self._read_bitmaps(header.get(name) or [])
        except (ValueError, KeyError, TypeError, IndexError, EOFError, OverflowError) as error:
            raise Undecodable("the payload does not fit its schema") from error
        return event

    def _read_bitmaps(self, bitmaps: list[str]) -> list[str]:
        names: list[str] = []
        for bitmap in bitmaps:
            if bitmap.startswith("0x"):
                bits = int(bitmap, 16)
                names += [name for position, name in enumerate(self._names) if bits >> position & 1]
            else:
                names.append(self._names[int(bitmap.partition("-")[0])])
        return names
