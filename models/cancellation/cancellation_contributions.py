def model(dbt, session):
    from wanderbricks_ml.lifecycle.explaining import explain

    return explain(
        session,
        rows=dbt.ref("cancellation_explained"),
        versions=dbt.ref("cancellation_predictor"),
        settings=dbt.config.get("meta"),
    )
