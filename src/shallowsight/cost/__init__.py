"""What a study costs, before it starts: operations and bytes are computed, seconds forecast from them."""

from shallowsight.cost.caching import pays_to_cache as pays_to_cache
