def model(dbt, session):
    from wanderbricks_ml.lifecycle.rolling_origins import score

    return score(
        session,
        examples=dbt.ref("revenue_examples"),
        champion=dbt.ref("revenue_champion"),
        versions=dbt.ref("revenue_forecaster"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("revenue_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
