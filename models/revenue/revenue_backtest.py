def model(dbt, session):
    from wanderbricks_ml.lifecycle.rolling_origins import backtest

    return backtest(
        session,
        examples=dbt.ref("revenue_examples"),
        decision=dbt.ref("revenue_retraining"),
        versions=dbt.ref("revenue_forecaster"),
        settings=dbt.config.get("meta"),
    )
