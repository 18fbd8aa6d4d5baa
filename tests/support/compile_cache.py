"""Caches that let all applications of a test process share compiled templates and URL rules."""

from collections.abc import Callable

from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

UrlBuilder = Callable[..., tuple[str, str]]


class BytecodeDict(BytecodeCache):
    """Keeps compiled templates in memory. Jinja compares the checksums of their sources."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._contents:
            bucket.bytecode_from_string(self._contents[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._contents[bucket.key] = bucket.bytecode_to_string()


def share_url_builders(compile_builder: Callable[[Rule, bool], UrlBuilder]) -> Callable[..., UrlBuilder]:
    """Return a cached `Rule._compile_builder`.

    A rule's builder depends only on its text and defaults. Its converters belong to the rule.
    """
    builders: dict[str, UrlBuilder] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> UrlBuilder:
        key = repr((rule.rule, rule._trace, rule.defaults, append_unknown))
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    return compile_once
