"""What is asked of an extraction."""

from collections.abc import Mapping
from dataclasses import dataclass

from processing.engines.catalog import DEFAULT_ENGINE, ENGINES
from processing.errors import InvalidSpec, UnknownEngine

from .values import Region, canonical, pairs, present, refuse_unknown, region

REFINEMENTS = ("off", "on", "auto")


@dataclass(frozen=True, slots=True)
class ExtractSpec:
    """How a matte is to be made: by which engine, with which refinement of its edges.

    refine_edges: off, on, or auto, which decides by the picture.
    roi: the region of interest; what lies outside counts as background.
    """

    engine: str = DEFAULT_ENGINE
    refine_edges: str = "off"
    roi: Region | None = None

    @classmethod
    def parse(cls, source: str | Mapping[str, str]) -> "ExtractSpec":
        """Read a canonical string or a mapping of parameters (blank means the default).

        Raises UnknownEngine, or InvalidSpec with the parameter's name.
        """
        values = present(pairs(source) if isinstance(source, str) else source)
        refuse_unknown(values, ("engine", "refine_edges", "roi"))
        engine = values.get("engine", DEFAULT_ENGINE)
        if engine not in ENGINES:
            raise UnknownEngine(engine)
        refine = values.get("refine_edges", "off")
        if refine not in REFINEMENTS:
            raise InvalidSpec(
                "refine_edges", f"refine_edges must be one of {', '.join(REFINEMENTS)}."
            )
        return cls(engine, refine, region(values, "roi"))

    def __str__(self) -> str:
        refine = None if self.refine_edges == "off" else self.refine_edges
        return canonical({"engine": self.engine, "refine_edges": refine, "roi": self.roi})
