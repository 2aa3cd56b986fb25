"""The estimators, the link, the store and the analyst's programs."""
