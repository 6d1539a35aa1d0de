-- Up Migration

-- Whoever has a key learns what it may do, and nobody reads hashes for it: commands check keys with the operator's role, which may not.
CREATE FUNCTION menagerie.known_key(text, bytea)
  RETURNS TABLE (rights text[], model text, organization text, is_admin boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT k.rights, m.name, o.name, o.is_admin
    FROM menagerie.api_key k
    LEFT JOIN menagerie.model m ON m.id = k.model_id
    JOIN menagerie.organization o ON o.id = coalesce(k.organization_id, m.organization_id)
   WHERE k.prefix = $1 AND k.hash = $2 AND k.revoked_at IS NULL
$$;
COMMENT ON FUNCTION menagerie.known_key(text, bytea) IS
  'What the key with this prefix and hash may do, and opens: one model of an organization, or all of it where model is null. No row for a key that is unknown or revoked.';
REVOKE EXECUTE ON FUNCTION menagerie.known_key(text, bytea) FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.known_key(text, bytea);
