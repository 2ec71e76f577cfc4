def model(dbt, session):
    from wanderbricks_ml.lifecycle.explaining import explain

    return explain(
        session,
        rows=dbt.ref("customer_ltv_explained"),
        versions=dbt.ref("customer_ltv_predictor"),
        settings=dbt.config.get("meta"),
    )
