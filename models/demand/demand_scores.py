def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("demand_examples"),
        champion=dbt.ref("demand_champion"),
        versions=dbt.ref("demand_predictor"),
        settings=dbt.config.get("meta"),
    )
