"""What one caller sees and may touch: nothing that is hidden from it, and changes only when their lag is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .habits import Habits
from .paths import Path, is_below
from .refusals import RefusalError, absent, unseen_notebook
from .tree import Node, Tree


@dataclass(frozen=True)
class Sight:
    """The tree for one caller."""

    tree: Tree
    habits: Habits
    hidden: frozenset[Path]

    def node(self, path: Path, *, of_contents: bool = False) -> Node:
        """What a read finds; 404 for what is missing or hidden (spec oci 13.12).

        Only contents word what is not there yet as an internal error.
        """
        if self.is_hidden(path):
            raise absent()
        shadow = self.tree.unseen_change(path)
        if shadow is None:
            return self.tree.get(path)
        if self.habits.lag_form == "previous" and shadow.node is not None:
            return shadow.node
        is_internal_error = of_contents and self.habits.lag_form == "internal error"
        raise unseen_notebook() if is_internal_error else absent()

    def child(self, path: Path) -> Node | None:
        """What a listing says of one child: nothing, where a read would be refused."""
        try:
            return self.node(path)
        except RefusalError:
            return None

    def children(self, folder: Path) -> Iterable[tuple[Path, Node]]:
        known = {path for path in (*self.tree.nodes, *self.tree.shadows) if path[:-1] == folder and path}
        seen = ((path, self.child(path)) for path in sorted(known))
        return [(path, node) for path, node in seen if node is not None]

    def check_changeable(self, path: Path, *, whole: bool) -> None:
        """404 when the change would reach anything hidden; a ``whole`` one takes what lies below the path along."""
        if self.is_hidden(path) or (whole and any(is_below(each, path) for each in self.hidden)):
            raise absent()

    def is_hidden(self, path: Path) -> bool:
        return any(is_below(path, each) for each in self.hidden)
