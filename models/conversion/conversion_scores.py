def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("conversion_examples"),
        champion=dbt.ref("conversion_champion"),
        versions=dbt.ref("conversion_predictor"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("conversion_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
