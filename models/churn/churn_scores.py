def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("churn_examples"),
        champion=dbt.ref("churn_champion"),
        versions=dbt.ref("churn_predictor"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("churn_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
