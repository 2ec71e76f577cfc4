def model(dbt, session):
    from wanderbricks_ml.lifecycle.explaining import explain

    return explain(
        session,
        rows=dbt.ref("conversion_explained"),
        versions=dbt.ref("conversion_predictor"),
        settings=dbt.config.get("meta"),
    )
