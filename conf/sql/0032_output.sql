-- Outputs that can be seen, for those who remove old ones before their jobs:
-- without it they would pass by all that were removed before, every time.

create index output_visible on pitchey.output (job) where not withdrawn;
