DROP FUNCTION revctx_drop_month_partition(text, date);
DROP FUNCTION revctx_create_month_partition(text, date);
DROP TABLE revctx_partitioned_tables;
