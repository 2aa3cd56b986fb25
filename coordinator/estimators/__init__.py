"""From centres' noisy vectors to tables with intervals. protocols/spec/estimators.md."""
