def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("demand_examples"),
        champion=dbt.ref("demand_champion"),
        versions=dbt.ref("demand_predictor"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("demand_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
