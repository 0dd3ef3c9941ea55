"""Narrow places of graphs, against taking each node out and looking whether a path is left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pix2style.teachers.magenta.graph_cut import ancestors, gates


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Nodes n0, n1, ...; each reads some of those before it."""
    count = draw(st.integers(2, 14))
    inputs = {0: st.just([])} | {i: st.lists(st.integers(0, i - 1), max_size=3, unique=True) for i in range(1, count)}
    return {f"n{i}": [f"n{one}" for one in draw(inputs[i])] for i in range(count)}


def _leads(graph: dict[str, list[str]], source: str, sink: str, without: str | None = None) -> bool:
    if without in (source, sink):
        return False
    return source in ancestors({k: [v for v in vs if v != without] for k, vs in graph.items()}, sink)


@given(graphs(), st.data())
def test_gates_are_what_cuts_every_path(graph: dict[str, list[str]], data: st.DataObject) -> None:
    sink = f"n{len(graph) - 1}"
    source = data.draw(st.sampled_from(sorted(graph)))
    found = gates(graph, source, sink)
    if not _leads(graph, source, sink):
        assert found == []
        return
    expected = {node for node in graph if not _leads(graph, source, sink, node) and node in ancestors(graph, sink)}
    assert set(found) == expected
    assert found == sorted(found, key=lambda node: int(node[1:]))  # from the source to the sink


def test_a_deep_graph_needs_no_recursion() -> None:
    graph = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(50_000)}
    assert len(gates(graph, "n0", "n49999")) == 50_000
