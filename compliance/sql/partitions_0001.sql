-- Monthly partitions. The application owns no table, so it creates and retires partitions only
-- through the two SECURITY DEFINER functions below, for the parents listed here, a month at a time.

CREATE TABLE revctx_partitioned_tables (
    table_name name PRIMARY KEY,
    append_only boolean NOT NULL,
    keep_months integer NOT NULL CHECK (keep_months >= 1)
);
REVOKE ALL ON revctx_partitioned_tables FROM PUBLIC, revctx_app;
GRANT SELECT ON revctx_partitioned_tables TO revctx_app;

CREATE FUNCTION revctx_create_month_partition(parent text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    listed public.revctx_partitioned_tables;
    first_day date := date_trunc('month', month)::date;
    partition_name text;
    this_month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    SELECT * INTO listed FROM public.revctx_partitioned_tables WHERE table_name = parent;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'table % is not partitioned by month', parent USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF first_day IS NULL OR first_day < date '2000-01-01' OR first_day > this_month + interval '24 months' THEN
        RAISE EXCEPTION 'month % is out of range', month USING ERRCODE = 'invalid_parameter_value';
    END IF;
    partition_name := format('%s_y%sm%s', parent, to_char(first_day, 'YYYY'), to_char(first_day, 'MM'));
    PERFORM pg_advisory_xact_lock(hashtextextended('revctx_partitions:' || parent, 0));
    IF to_regclass(format('public.%I', partition_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- LIKE and ATTACH instead of PARTITION OF: the parent stays readable and writable meanwhile.
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS '
        'INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION)', partition_name, parent);
    EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, revctx_app', partition_name);
    IF listed.append_only THEN
        -- A statement trigger of the parent does not fire for statements that name the partition.
        PERFORM public.revctx_make_append_only(format('public.%I', partition_name)::regclass);
    END IF;
    EXECUTE format(
        'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        parent, partition_name, first_day::text || ' 00:00:00+00',
        (first_day + interval '1 month')::date::text || ' 00:00:00+00');
    RETURN true;
END $$;

-- Refuses whatever retention still protects, so that a hijacked application cannot erase its traces.
CREATE FUNCTION revctx_drop_month_partition(parent text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    listed public.revctx_partitioned_tables;
    first_day date := date_trunc('month', month)::date;
    partition_name text;
    this_month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    SELECT * INTO listed FROM public.revctx_partitioned_tables WHERE table_name = parent;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'table % is not partitioned by month', parent USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF first_day IS NULL OR first_day >= this_month - make_interval(months => listed.keep_months) THEN
        RAISE EXCEPTION 'month % of % is within its retention of % months', month, parent, listed.keep_months
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    partition_name := format('%s_y%sm%s', parent, to_char(first_day, 'YYYY'), to_char(first_day, 'MM'));
    PERFORM pg_advisory_xact_lock(hashtextextended('revctx_partitions:' || parent, 0));
    IF to_regclass(format('public.%I', partition_name)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE public.%I', partition_name);
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION revctx_create_month_partition(text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION revctx_drop_month_partition(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION revctx_create_month_partition(text, date) TO revctx_app;
GRANT EXECUTE ON FUNCTION revctx_drop_month_partition(text, date) TO revctx_app;
