"""Reading the lists of workflows and jobs, and reading them again and again."""

from chronotui.engine.catalog.catalog import Catalog, CatalogSettings

__all__ = ["Catalog", "CatalogSettings"]
