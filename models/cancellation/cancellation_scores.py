def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("cancellation_examples"),
        champion=dbt.ref("cancellation_champion"),
        versions=dbt.ref("cancellation_predictor"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("cancellation_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
