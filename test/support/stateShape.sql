-- Everything that the catalog says of the schema $1 beside rows, a line each: two schemas with the same lines are made the same.
WITH schema AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = $1),
lines AS (
  SELECT concat_ws(' ', 'relation', relkind, c.oid::regclass, relpersistence, relreplident, relrowsecurity, relforcerowsecurity, c.reloptions,
                   'toast', t.reloptions, 'in', spcname, 'acl', relacl, 'of', nullif(reloftype, 0)::regtype,
                   pg_get_expr(relpartbound, c.oid), CASE relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END,
                   CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, obj_description(c.oid, 'pg_class')) AS line
    FROM pg_class c LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
    LEFT JOIN LATERAL (SELECT reloptions FROM pg_class WHERE oid = c.reltoastrelid) t ON true
   WHERE relnamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attstorage,
                   attcompression, attstattarget, attcollation::regcollation, attacl, attoptions, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
   WHERE relnamespace = (SELECT oid FROM schema) AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT concat_ws(' ', 'constraint', conrelid::regclass, contypid::regtype, conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint'))
    FROM pg_constraint WHERE connamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisclustered, indisreplident, indisvalid)
    FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relnamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(g.oid), tgenabled, obj_description(g.oid, 'pg_trigger'))
    FROM pg_trigger g JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = (SELECT oid FROM schema) AND NOT tgisinternal
  UNION ALL
  SELECT concat_ws(' ', 'rule', pg_get_ruledef(r.oid), ev_enabled, obj_description(r.oid, 'pg_rewrite'))
    FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class WHERE relnamespace = (SELECT oid FROM schema) AND rulename <> '_RETURN'
  UNION ALL
  SELECT concat_ws(' ', 'policy', polrelid::regclass, polname, polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
                   obj_description(p.oid, 'pg_policy'))
    FROM pg_policy p JOIN pg_class c ON c.oid = polrelid WHERE relnamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'statistics', pg_get_statisticsobjdef(oid), stxstattarget, obj_description(oid, 'pg_statistic_ext'))
    FROM pg_statistic_ext WHERE stxnamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle,
                   pg_describe_object(refclassid, refobjid, refobjsubid))
    FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid
    LEFT JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = seqrelid AND deptype IN ('a', 'i') AND refclassid = 'pg_class'::regclass
   WHERE relnamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'type', t.oid::regtype, typtype, format_type(typbasetype, typtypmod), typnotnull, typdefault, typacl,
                   ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder), rngsubtype::regtype, obj_description(t.oid, 'pg_type'))
    FROM pg_type t LEFT JOIN pg_range ON rngtypid = t.oid WHERE typnamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'function', oid::regprocedure, prokind, CASE WHEN prokind <> 'a' THEN pg_get_functiondef(oid) END, proacl, obj_description(oid, 'pg_proc'))
    FROM pg_proc WHERE pronamespace = (SELECT oid FROM schema)
  UNION ALL
  SELECT concat_ws(' ', 'cast', castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext, castmethod)
    FROM pg_cast JOIN pg_type s ON s.oid = castsource JOIN pg_type t ON t.oid = casttarget
   WHERE (SELECT oid FROM schema) IN (s.typnamespace, t.typnamespace)
  UNION ALL
  -- All others that a schema holds, such as operators, collations and text search configurations.
  SELECT concat_ws(' ', 'other', pg_describe_object(classid, objid, objsubid), obj_description(objid, classid::regclass::text::name))
    FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM schema) AND deptype = 'n'
)
SELECT replace(line, (SELECT nspname FROM schema), '<schema>') AS line FROM lines ORDER BY 1
