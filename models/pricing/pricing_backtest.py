def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import backtest

    return backtest(
        session,
        examples=dbt.ref("pricing_examples"),
        decision=dbt.ref("pricing_retraining"),
        versions=dbt.ref("pricing_optimizer"),
        experiments=dbt.ref("experiment_state"),
        settings=dbt.config.get("meta"),
    )
