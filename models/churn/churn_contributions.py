def model(dbt, session):
    from wanderbricks_ml.lifecycle.explaining import explain

    return explain(
        session,
        rows=dbt.ref("churn_explained"),
        versions=dbt.ref("churn_predictor"),
        settings=dbt.config.get("meta"),
    )
