"""Settings: `base` is shared, `local` runs on one machine, `test` for tests, `production` for a hospital."""
