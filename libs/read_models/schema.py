"""What a service's migrations make so that its read models can be built anew: three functions, and a schema.

The service's roles own nothing and may create nothing. These functions run as the owner, do this and no more, and the
worker alone may call them.
"""

from collections.abc import Sequence

from alembic import op

_ONLY = "IF NOT names <@ ARRAY[{names}] THEN RAISE EXCEPTION 'not all of % are read models', names; END IF;"
_ONLY_FOR_THE_WORKER = "REVOKE ALL ON FUNCTION {function} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {function} TO {worker}"

_MAKE = """
CREATE FUNCTION rebuilt_make(names text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    live oid;
    one record;
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'rebuilt'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('DROP TABLE rebuilt.%I', name);
    END LOOP;
    {only}
    FOREACH name IN ARRAY names LOOP
        live := format('public.%I', name)::regclass;
        EXECUTE format('CREATE TABLE rebuilt.%1$I (LIKE public.%1$I INCLUDING ALL) WITH (autovacuum_enabled = false)',
                       name);
        FOR one IN SELECT * FROM pg_policies WHERE schemaname = 'public' AND tablename = name LOOP
            EXECUTE format('CREATE POLICY %I ON rebuilt.%I AS %s FOR %s TO %s', one.policyname, name, one.permissive,
                           one.cmd, (SELECT string_agg(quote_ident(role), ', ') FROM unnest(one.roles) AS role))
                || coalesce(format(' USING (%s)', one.qual), '')
                || coalesce(format(' WITH CHECK (%s)', one.with_check), '');
        END LOOP;
        IF (SELECT relrowsecurity FROM pg_class WHERE oid = live) THEN
            EXECUTE format('ALTER TABLE rebuilt.%I ENABLE ROW LEVEL SECURITY', name);
        END IF;
        IF (SELECT relforcerowsecurity FROM pg_class WHERE oid = live) THEN
            EXECUTE format('ALTER TABLE rebuilt.%I FORCE ROW LEVEL SECURITY', name);
        END IF;
        FOR one IN SELECT acl.* FROM pg_class, aclexplode(relacl) AS acl WHERE oid = live AND grantee <> relowner LOOP
            EXECUTE format('GRANT %s ON rebuilt.%I TO %s', one.privilege_type, name, one.grantee::regrole);
        END LOOP;
    END LOOP;
    RETURN (SELECT version_num FROM public.alembic_version);
END $$
"""
_ANALYZE = """
CREATE FUNCTION rebuilt_analyze() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'rebuilt'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('ANALYZE rebuilt.%I', name);
    END LOOP;
END $$
"""
_SWAP = """
CREATE FUNCTION rebuilt_swap(names text[], made_at text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    IF made_at <> (SELECT version_num FROM public.alembic_version) THEN
        RAISE EXCEPTION 'the tables were changed by a migration meanwhile';
    END IF;
    {only}
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('DROP TABLE public.%I', name);
        EXECUTE format('ALTER TABLE rebuilt.%I RESET (autovacuum_enabled)', name);
        EXECUTE format('ALTER TABLE rebuilt.%I SET SCHEMA public', name);
    END LOOP;
END $$
"""
_FUNCTIONS = {
    "rebuilt_make(text[])": _MAKE,
    "rebuilt_analyze()": _ANALYZE,
    "rebuilt_swap(text[], text)": _SWAP,
}


def allow_rebuilding(service: str, tables: Sequence[str]) -> None:
    """Make the functions, for these tables and no others, and the schema `rebuilt`, in which new ones are built:
    requests do not reach into it."""
    only = _ONLY.format(names=", ".join(f"'{name}'" for name in tables))
    worker = f"{service}_worker"
    op.execute("CREATE SCHEMA rebuilt")
    op.execute(f"GRANT USAGE ON SCHEMA rebuilt TO {worker}")
    for function, text in _FUNCTIONS.items():
        op.execute(text.replace("{only}", only))
        for statement in _ONLY_FOR_THE_WORKER.format(function=function, worker=worker).split(";"):
            op.execute(statement)
