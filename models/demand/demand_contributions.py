def model(dbt, session):
    from wanderbricks_ml.lifecycle.explaining import explain

    return explain(
        session,
        rows=dbt.ref("demand_explained"),
        versions=dbt.ref("demand_predictor"),
        settings=dbt.config.get("meta"),
    )
