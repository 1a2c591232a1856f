DROP FUNCTION revctx_make_append_only(regclass);
DROP FUNCTION revctx_refuse_change();
