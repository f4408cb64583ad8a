"""
What a job endpoint promises, and how to hold it to that: in CI and in production.

Three rooms, which stand at the top of the repository: `jobproof.contract` (what is
promised, and how it is seen broken), `jobproof.probes` (the daemon that asks on time),
`jobproof.grafana` (what a person looks at).
"""
