def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("customer_ltv_examples"),
        champion=dbt.ref("customer_ltv_champion"),
        versions=dbt.ref("customer_ltv_predictor"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("customer_ltv_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
