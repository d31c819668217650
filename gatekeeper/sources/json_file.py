"""JSON and JSON-lines files as a sequence of values, each with the line on which it begins.

A file holds an array, one object, or an object with the array under a key (``{"applications":
[…]}``, as ``filings list --format json`` prints it).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from typing import Any, Final, NoReturn

from gatekeeper.sources.csv_table import decode
from gatekeeper.sources.table import TableError

_BLANK: Final = " \t\r\n"


class Item:
    """One value of the file, and the keys that stand twice in it."""

    __slots__ = ("line", "repeated", "value")

    def __init__(self, line: int, value: Any, repeated: tuple[str, ...]) -> None:
        self.line = line
        self.value = value
        self.repeated = repeated


class JsonFile:
    """Reads the items of a file; ``other_keys`` fills with what stands beside a wrapped array."""

    def __init__(self, content: bytes, *, lines: bool, wrapper: str) -> None:
        self._text = decode(content)
        self._lines = lines
        self._wrapper = wrapper
        self._repeated: list[str] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._pairs, parse_constant=_no_constant, strict=True
        )
        self._counted = (0, 1)
        self.other_keys: list[str] = []

    def items(self) -> Iterator[Item]:
        """Each record in turn.

        Raises:
            TableError: the text is not JSON from that line on.
        """
        if self._lines:
            yield from self._each_line()
            return
        start = self._blank(0)
        first = self._text[start : start + 1]
        if not first:
            raise TableError(0, "is empty", "文件为空")
        if first == "[":
            end = yield from self._array(start)
        elif first == "{" and self._wrapped(start):
            end = yield from self._object(start)
        else:
            item, end = self._value(start)
            yield item
        self._finish(end)

    def _each_line(self) -> Iterator[Item]:
        start, line = 0, 1
        while start < len(self._text):
            end = self._text.find("\n", start)
            end = len(self._text) if end < 0 else end
            text = self._text[start:end].strip(_BLANK)
            if text:
                try:
                    value, stop = self._decoder.raw_decode(text)
                except (ValueError, RecursionError) as error:
                    raise _not_json(line, error) from None
                if stop != len(text):
                    raise TableError(line, "holds more than one JSON value", "一行中有多个 JSON 值")
                yield Item(line, value, self._taken())
            start, line = end + 1, line + 1

    def _wrapped(self, start: int) -> bool:
        """Whether the object at ``start`` has an array under the wrapper's key."""
        if f'"{self._wrapper}"' not in self._text:
            return False
        item, _ = self._value(start)
        return isinstance(item.value, dict) and isinstance(item.value.get(self._wrapper), list)

    def _object(self, start: int) -> Generator[Item, None, int]:
        at = self._blank(start + 1)
        seen: set[str] = set()
        while self._text[at : at + 1] == '"':
            line = self._line(at)
            key, at = self._value(at)
            if key.value in seen:
                raise TableError(line, f"the key {key.value} stands twice", f"键 {key.value} 重复")
            seen.add(key.value)
            at = self._blank(self._expect(self._blank(at), ":"))
            if key.value == self._wrapper:
                at = yield from self._array(at)
            else:
                self.other_keys.append(key.value)
                _, at = self._value(at)
            at = self._blank(at)
            if self._text[at : at + 1] == ",":
                at = self._blank(at + 1)
        return self._expect(at, "}")

    def _array(self, start: int) -> Generator[Item, None, int]:
        at = self._blank(self._expect(start, "["))
        while self._text[at : at + 1] != "]":
            item, at = self._value(at)
            yield item
            at = self._blank(at)
            if self._text[at : at + 1] == ",":
                at = self._blank(at + 1)
                if self._text[at : at + 1] == "]":
                    raise TableError(self._line(at), "a comma before ]", "“]”前有多余的逗号")
            elif self._text[at : at + 1] != "]":
                self._expect(at, "]")
        return at + 1

    def _value(self, at: int) -> tuple[Item, int]:
        line = self._line(at)
        try:
            value, end = self._decoder.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            raise _not_json(error.lineno, error) from None
        except (ValueError, RecursionError) as error:
            raise _not_json(line, error) from None
        return Item(line, value, self._taken()), end

    def _expect(self, at: int, char: str) -> int:
        if self._text[at : at + 1] != char:
            raise TableError(
                self._line(at), f"is not JSON: {char} expected", f"不是有效的 JSON：此处应为 {char}"
            )
        return at + 1

    def _finish(self, at: int) -> None:
        end = self._blank(at)
        if end != len(self._text):
            raise TableError(
                self._line(end),
                "goes on after the JSON value; one object a line is a .jsonl file",
                "JSON 内容之后还有多余内容；每行一个对象的文件应使用 .jsonl 扩展名",
            )

    def _blank(self, at: int) -> int:
        text = self._text
        while at < len(text) and text[at] in _BLANK:
            at += 1
        return at

    def _line(self, at: int) -> int:
        before, line = self._counted
        if at < before:
            before, line = 0, 1
        line += self._text.count("\n", before, at)
        self._counted = (at, line)
        return line

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            self._repeated += sorted({key for key in keys if keys.count(key) > 1})
        return found

    def _taken(self) -> tuple[str, ...]:
        repeated, self._repeated = tuple(self._repeated), []
        return repeated


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _not_json(line: int, error: Exception) -> TableError:
    if isinstance(error, RecursionError):
        return TableError(line, "is nested too deeply", "JSON 嵌套层次过深")
    what = getattr(error, "msg", str(error))
    return TableError(line, f"is not JSON: {what}", f"不是有效的 JSON（{what}）")
