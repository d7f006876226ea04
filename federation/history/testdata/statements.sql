-- insert inventories
INSERT INTO inventory_revisions (site, revision, sequence, observed_at, accepted_at, planner_version, instance, document);

-- insert acceptances
INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision, identity);

-- insert facts
INSERT INTO facts (site, revision, observed_at, path, value, source);

-- insert assessments
INSERT INTO assessments (site, at, revision, sequence, pack_version, pack_hash, removed, clusters,
    pass, fail, unknown, not_applicable, waived, finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver, document, extract);

-- insert finding events
INSERT INTO finding_events (site, at, finding_id, change, rule, verdict, severity, cluster, infrastructure, node, message,
    first_seen, failing_since, waiver, revision, pack_hash, written, withdrawn);

-- insert rejections
INSERT INTO rejections (site, at, sequence, revision, reason, detail, problems);

-- insert recommendations
INSERT INTO recommendations (site, at, cluster, revision, pack_hash, environment, architecture, distance, serving,
    thingworx_regions, database_region, region_match, recommended,
    option_objective, option_architecture, option_serving, option_cost_index, option_changes);

-- insert probe samples
INSERT INTO probe_samples (site, measured_at, source, target, kind, p50, p95, samples);

-- insert audit entries
INSERT INTO audit_entries (id, at, actor, action, object, reason, before, after, request_id);

-- revisions
SELECT site, revision, sequence, observed_at, accepted_at, planner_version, instance, length(document) AS bytes
FROM inventory_revisions FINAL
WHERE site = {site:String}
ORDER BY observed_at DESC, revision DESC
LIMIT {limit:UInt64};

-- count revisions
SELECT count() FROM inventory_revisions FINAL WHERE site = {site:String};

-- inventory
SELECT site, revision, sequence, observed_at, accepted_at, planner_version, instance, document
FROM inventory_revisions FINAL
WHERE site = {site:String} AND revision = {revision:String}
ORDER BY observed_at DESC
LIMIT 1;

-- inventories as of
SELECT site, revision, sequence, observed_at, accepted_at, planner_version, instance, document
FROM inventory_revisions FINAL
WHERE (site, observed_at, revision) IN (
    SELECT site, argMax(observed_at, (accepted_at, sequence)), argMax(revision, (accepted_at, sequence))
    FROM acceptances
    WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
    GROUP BY site)
ORDER BY site, observed_at, revision;

-- inventories as of, some sites
SELECT site, revision, sequence, observed_at, accepted_at, planner_version, instance, document
FROM inventory_revisions FINAL
WHERE (site, observed_at, revision) IN (
    SELECT site, argMax(observed_at, (accepted_at, sequence)), argMax(revision, (accepted_at, sequence))
    FROM acceptances
    WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC') AND site IN {sites:Array(String)}
    GROUP BY site)
ORDER BY site, observed_at, revision;

-- fact history
SELECT observed_at, revision, value, source
FROM (
    SELECT observed_at, revision, value, source,
        lagInFrame(value, 1, '') OVER (ORDER BY observed_at, revision ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
    FROM facts FINAL
    WHERE site = {site:String} AND path = {path:String})
WHERE value != before
ORDER BY observed_at DESC, revision DESC
LIMIT {limit:UInt64};

-- assessments as of
SELECT site, at, revision, sequence, pack_version, pack_hash, removed, clusters, pass, fail, unknown, not_applicable, waived,
    finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver, document
FROM assessments
WHERE (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
    GROUP BY site)
ORDER BY site, at, revision, pack_hash;

-- assessments as of, some sites
SELECT site, at, revision, sequence, pack_version, pack_hash, removed, clusters, pass, fail, unknown, not_applicable, waived,
    finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver, document
FROM assessments
WHERE (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC') AND site IN {sites:Array(String)}
    GROUP BY site)
ORDER BY site, at, revision, pack_hash;

-- trend
SELECT site, greatest(0, intDiv(toUnixTimestamp64Nano(at) - {from:Int64} + {step:Int64} - 1, {step:Int64})) AS point, removed, clusters,
    finding_rule, finding_verdict, finding_severity, finding_cluster, finding_infrastructure, finding_waiver
FROM assessments
WHERE (at > fromUnixTimestamp64Nano({from:Int64}, 'UTC') OR (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
    GROUP BY site)) AND at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
ORDER BY site, point, at DESC, sequence DESC, revision DESC, pack_hash DESC
LIMIT 1 BY site, point;

-- accepted as of
SELECT site, argMax(revision, (accepted_at, sequence))
FROM acceptances
WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
GROUP BY site
ORDER BY site;

-- findings as of
SELECT site, at, revision, sequence, pack_hash, removed, finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver
FROM assessments
WHERE (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
    GROUP BY site)
ORDER BY site, at, revision, pack_hash;

-- last accepted
SELECT site, max(accepted_at)
FROM acceptances
WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
GROUP BY site;

-- removed
SELECT site, max(at)
FROM assessments
WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
GROUP BY site
HAVING argMax(removed, (at, sequence, revision, pack_hash));

-- identities as of
SELECT site, accepted_at, sequence, identified, JSONExtractString(identity, 'name'), JSONExtractString(identity, 'country')
FROM acceptances
WHERE (site, accepted_at) IN (
    SELECT site, max(accepted_at)
    FROM acceptances
    WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
    GROUP BY site)
ORDER BY site, accepted_at, sequence;

-- extracts as of
SELECT site, at, sequence, removed, extract
FROM assessments
WHERE (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
    GROUP BY site)
ORDER BY site, at, revision, pack_hash;

-- months without identity
SELECT DISTINCT toYYYYMM(accepted_at) AS month FROM acceptances FINAL WHERE NOT identified ORDER BY month;

-- fill in identities
INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision, identity)
SELECT a.site, a.accepted_at, a.sequence, a.observed_at, a.revision, i.identity
FROM (SELECT site, accepted_at, sequence, observed_at, revision FROM acceptances FINAL WHERE NOT identified AND toYYYYMM(accepted_at) = {month:UInt32}) AS a
INNER JOIN (
    SELECT site, observed_at, revision, JSONExtractRaw(document, 'site') AS identity
    FROM inventory_revisions
    WHERE (site, observed_at, revision) IN (
        SELECT site, observed_at, revision FROM acceptances FINAL WHERE NOT identified AND toYYYYMM(accepted_at) = {month:UInt32})
    LIMIT 1 BY site, observed_at, revision) AS i USING (site, observed_at, revision)
WHERE i.identity != '';

-- assessments without extract
SELECT site, at
FROM assessments FINAL
WHERE NOT extracted AND NOT removed AND (site, at) > ({site:String}, fromUnixTimestamp64Nano({at:Int64}, 'UTC'))
ORDER BY site, at
LIMIT 1 BY site, at
LIMIT {limit:UInt64};

-- assessments at instants
SELECT site, at, revision, sequence, pack_version, pack_hash, removed, clusters, pass, fail, unknown, not_applicable, waived,
    finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver, document
FROM assessments FINAL
WHERE (site, toUnixTimestamp64Nano(at)) IN arrayZip({sites:Array(String)}, {instants:Array(Int64)})
    AND site >= {first:String} AND site <= {last:String} AND NOT extracted AND NOT removed
ORDER BY site, at, revision, pack_hash;

-- facts as of
SELECT site, path, value
FROM facts
WHERE (path IN {paths:Array(String)} OR {prefix:String} != '' AND startsWith(path, {prefix:String})) AND (site, observed_at, revision) IN (
    SELECT site, argMax(observed_at, (accepted_at, sequence)), argMax(revision, (accepted_at, sequence))
    FROM acceptances
    WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
    GROUP BY site)
ORDER BY site, path
LIMIT 1 BY site, path;

-- neighbours
SELECT site, at, revision, sequence, pack_hash, removed, finding_id, finding_rule, finding_verdict, finding_severity, finding_cluster,
    finding_infrastructure, finding_node, finding_message, finding_first_seen, finding_failing_since, finding_waiver
FROM assessments FINAL
WHERE (site, at) IN (
    SELECT site, max(at) FROM assessments
    WHERE site IN {sites:Array(String)} AND at < fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {lows:Array(Int64)}, toInt64(0)), 'UTC')
    GROUP BY site
    UNION ALL
    SELECT site, at FROM assessments
    WHERE site IN {sites:Array(String)} AND at >= fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {lows:Array(Int64)}, toInt64(0)), 'UTC')
        AND at <= fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {highs:Array(Int64)}, toInt64(0)), 'UTC')
    UNION ALL
    SELECT site, min(at) FROM assessments
    WHERE site IN {sites:Array(String)} AND at > fromUnixTimestamp64Nano(transform(site, {sites:Array(String)}, {highs:Array(Int64)}, toInt64(0)), 'UTC')
    GROUP BY site);

-- events of assessments
SELECT site, at, finding_id, CAST(change, 'String'), rule, verdict, severity, cluster, infrastructure, node, message,
    first_seen, failing_since, waiver, revision, pack_hash
FROM finding_events FINAL
WHERE site IN {sites:Array(String)} AND (site, toUnixTimestamp64Nano(at)) IN arrayZip({sites:Array(String)}, {instants:Array(Int64)})
    AND at >= fromUnixTimestamp64Nano({low:Int64}, 'UTC') AND at <= fromUnixTimestamp64Nano({high:Int64}, 'UTC');

-- events
SELECT site, at, finding_id, CAST(change, 'String'), rule, verdict, severity, cluster, infrastructure, node, message,
    first_seen, failing_since, waiver, revision, pack_hash
FROM finding_events FINAL
WHERE 1
ORDER BY at DESC, site, finding_id, revision, pack_hash
LIMIT {limit:UInt64};

-- events, all filters
SELECT site, at, finding_id, CAST(change, 'String'), rule, verdict, severity, cluster, infrastructure, node, message,
    first_seen, failing_since, waiver, revision, pack_hash
FROM finding_events FINAL
WHERE 1
    AND site IN {sites:Array(String)}
    AND rule IN {rules:Array(String)}
    AND severity IN {severities:Array(String)}
    AND concat(site, '/', cluster) IN {clusters:Array(String)}
    AND CAST(change, 'String') IN {changes:Array(String)}
    AND at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
    AND at < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
    AND (at < fromUnixTimestamp64Nano({c_at:Int64}, 'UTC') OR at = fromUnixTimestamp64Nano({c_at:Int64}, 'UTC')
    AND (site, finding_id, revision, pack_hash) > ({c_site:String}, {c_finding:String}, {c_revision:String}, {c_pack:String}))
ORDER BY at DESC, site, finding_id, revision, pack_hash
LIMIT {limit:UInt64};

-- count events
SELECT count() FROM finding_events FINAL WHERE 1;

-- events between
SELECT site, at, finding_id, CAST(change, 'String'), rule, verdict, severity, cluster, infrastructure, node, message,
    first_seen, failing_since, waiver, revision, pack_hash
FROM finding_events FINAL
WHERE 1
ORDER BY at DESC, site, finding_id, revision, pack_hash;

-- recommendations as of
SELECT site, at, cluster, revision, pack_hash, environment, architecture, distance, serving,
    thingworx_regions, database_region, region_match, recommended,
    option_objective, option_architecture, option_serving, option_cost_index, option_changes
FROM recommendations FINAL
WHERE (site, at, revision, pack_hash) IN (
    SELECT site, a, tupleElement(last, 2), tupleElement(last, 3)
    FROM (
        SELECT site, max(at) AS a, argMax((removed, revision, pack_hash), (at, sequence, revision, pack_hash)) AS last
        FROM assessments
        WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')
        GROUP BY site)
    WHERE NOT tupleElement(last, 1))
ORDER BY site, at, cluster;

-- recommendations as of, some sites
SELECT site, at, cluster, revision, pack_hash, environment, architecture, distance, serving,
    thingworx_regions, database_region, region_match, recommended,
    option_objective, option_architecture, option_serving, option_cost_index, option_changes
FROM recommendations FINAL
WHERE (site, at, revision, pack_hash) IN (
    SELECT site, a, tupleElement(last, 2), tupleElement(last, 3)
    FROM (
        SELECT site, max(at) AS a, argMax((removed, revision, pack_hash), (at, sequence, revision, pack_hash)) AS last
        FROM assessments
        WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC') AND site IN {sites:Array(String)}
        GROUP BY site)
    WHERE NOT tupleElement(last, 1))
ORDER BY site, at, cluster;

-- probe samples
SELECT site, measured_at, source, target, kind, p50, p95, samples
FROM probe_samples FINAL
WHERE site = {site:String} AND ({target:String} = '' OR target = {target:String})
    AND measured_at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND measured_at < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
ORDER BY site, target, kind, source, measured_at;

-- audit
SELECT id, at, actor, action, object, reason, before, after, request_id
FROM audit_entries FINAL
WHERE 1 AND (at, id) < (fromUnixTimestamp64Nano({b_at:Int64}, 'UTC'), {b_id:String})
ORDER BY at DESC, id DESC
LIMIT {limit:UInt64};

-- count audit
SELECT count() FROM audit_entries FINAL WHERE 1;

-- rejections
SELECT site, at, sequence, revision, reason, detail, problems
FROM rejections FINAL
WHERE {site:String} = '' OR site = {site:String}
ORDER BY at DESC, site, sequence DESC
LIMIT {limit:UInt64};

-- count rejections
SELECT count() FROM rejections FINAL WHERE {site:String} = '' OR site = {site:String};

-- counts
SELECT
    (SELECT count() FROM inventory_revisions FINAL),
    (SELECT count() FROM facts FINAL),
    (SELECT count() FROM assessments FINAL),
    (SELECT count() FROM finding_events FINAL),
    (SELECT count() FROM rejections FINAL),
    (SELECT count() FROM recommendations FINAL),
    (SELECT count() FROM probe_samples FINAL),
    (SELECT count() FROM audit_entries FINAL);

-- retention of inventory_revisions
ALTER TABLE inventory_revisions MODIFY TTL toDateTime(least(accepted_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC'))) + toIntervalSecond(86400);
ALTER TABLE inventory_revisions ON CLUSTER `main` MODIFY TTL toDateTime(least(accepted_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC'))) + toIntervalSecond(86400);

-- retention of acceptances
ALTER TABLE acceptances MODIFY TTL toDateTime(least(accepted_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC'))) + toIntervalSecond(86400);
ALTER TABLE acceptances ON CLUSTER `main` MODIFY TTL toDateTime(least(accepted_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC'))) + toIntervalSecond(86400);

-- retention of facts
ALTER TABLE facts MODIFY TTL toDateTime(least(observed_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC'))) + toIntervalSecond(172800);
ALTER TABLE facts ON CLUSTER `main` MODIFY TTL toDateTime(least(observed_at, toDateTime64('2100-01-01 00:00:00', 9, 'UTC'))) + toIntervalSecond(172800);

-- no retention
ALTER TABLE facts ON CLUSTER `main` REMOVE TTL;
